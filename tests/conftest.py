"""For all tests: a property is judged by what holds, never by how long the machine took."""

from hypothesis import settings

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
