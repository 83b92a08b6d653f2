"""Pictures for display: views of a frame, colour maps, contact sheets."""
