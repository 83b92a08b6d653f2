"""Raw thermal counts to grey: bad pixels, flat-field correction, automatic gain control."""
