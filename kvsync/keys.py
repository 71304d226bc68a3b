"""What a legal key is, and how a file's path becomes one. Facts: EdgeKVPut, "Limits on one pair"."""
