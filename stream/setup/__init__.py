"""The steps of `gifnet setup`: from two unregistered sources to one configuration file that runs."""
