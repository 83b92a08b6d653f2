"""Methods of gain control, one module each; `stream.thermal.agc` finds them by their names in the settings."""
