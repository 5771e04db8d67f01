"""Set-up of a checkout: the Python environment and the Debian packages it needs."""
