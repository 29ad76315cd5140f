"""The conformance kit that plugin authors run too."""
