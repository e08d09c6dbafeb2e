"""What people's corrections taught about a supplier's layout, and how it is applied to the next page of it."""
