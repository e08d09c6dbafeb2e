"""The staff portal: one AdminSite, its menu, signing in and the overview."""
