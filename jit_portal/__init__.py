"""The JIT Portal: one isolated space per joint investigation team.

Nothing of it is imported here, so that a part of it loads without the rest, which takes seconds:
``portal.create_app`` puts it together.
"""

import gc

# What is loaded stays: looking through it for garbage again and again takes a tenth of a start, and of each request.
gc.set_threshold(20_000, 20, 50)
