"""Methods of gain control: one module each, with the name that the settings use."""
