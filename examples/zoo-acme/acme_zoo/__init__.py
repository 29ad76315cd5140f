"""An example of a plugin for keras-zoo."""
