"""The commands of ``python -m gan_lib``, a module each: they turn options into calls of the library."""
