"""The plain page: one template and one small script over the API, for browsers and nets in which the other one does not work."""
