"""Output types, one module per owning service, shaped like the view."""
