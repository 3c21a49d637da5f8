"""Systems hear that something they used has changed."""
