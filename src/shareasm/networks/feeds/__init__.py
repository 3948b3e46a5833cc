"""RSS and Atom feeds of partners: blogs, channels of videos, newsrooms."""
