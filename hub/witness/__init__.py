"""The program of an outside body that co-signs a log's checkpoints. It knows nothing of a hub's stores or keys."""
