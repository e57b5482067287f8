"""The version of this package, also where it runs from a checkout that nobody has installed."""

VERSION = "0.4.0"
