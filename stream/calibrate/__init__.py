"""Makes calibration files: from a board, from an ordinary scene, from points picked by hand."""
