"""From two sources nobody has registered to one configuration file that runs: the steps of `gifnet setup`."""
