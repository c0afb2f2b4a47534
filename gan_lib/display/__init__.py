"""What the pages show: figures, sliders, animations, image grids, tables and quizzes.

Every function displays HTML that needs neither a kernel nor the network, so that a page looks and works the
same in Jupyter and in the built book, on light and on dark ground; beside it stands a plain-text rendering.
"""

from gan_lib.display.figures import figure, slider, use_style
from gan_lib.display.images import animation, image_grid
from gan_lib.display.quizzes import quiz
from gan_lib.display.tables import table

__all__ = ["animation", "figure", "image_grid", "quiz", "slider", "table", "use_style"]
