class BundleError(Exception):
    """Says why there is no bundle, and what to do about it."""
