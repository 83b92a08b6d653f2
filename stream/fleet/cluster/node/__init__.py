"""Parts of a fleet that run beside a pair on its node; they need the standard library alone."""
