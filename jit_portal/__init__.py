"""The JIT Portal: one isolated space per joint investigation team.

Nothing is imported here, so that a part of it loads without the rest, which takes seconds:
``portal.create_app`` puts it together.
"""
