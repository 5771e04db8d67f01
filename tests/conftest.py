"""What holds for every test: hypothesis never judges by the speed of a busy machine."""

from hypothesis import settings

settings.register_profile("borne", deadline=None)
settings.load_profile("borne")
