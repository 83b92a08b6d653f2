"""Networks that several pairs of one process share, so that frames of different pairs make a batch."""
