"""Links to the repository and to Colab, once _config.yml says where the repository is published."""

from sphinx.util import logging

LOGGER = logging.getLogger(__name__)


def link_repository(app, config):
    options = config.html_theme_options
    if options.get("repository_url"):
        options["use_repository_button"] = True
        options["launch_buttons"] = {"colab_url": "https://colab.research.google.com"}
    else:
        LOGGER.info("_config.yml has no address of the repository: the pages do not link to it, nor to Colab")


def setup(app):
    app.connect("config-inited", link_repository)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
