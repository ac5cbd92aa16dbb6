"""A book that follows a venue: the feed and the watch."""
