"""The pool of disposable child processes in which hostile content is parsed."""
