"""`gifnet run` of a configuration with several pairs."""
