"""Every part passes the conformance kit of keras-zoo."""

from zoo.testing import suite

TestConformance = suite("zoo-acme")
