"""One trace: what became of a request, and everything its spans say."""
