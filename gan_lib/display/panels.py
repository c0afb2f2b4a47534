"""A figure's panels taken apart, so that on a narrow page they stand one below the other."""

from matplotlib.transforms import Bbox

PAD = 2 / 72  # inches


def panels(figs):
    """Where figures of one kind come apart: rows of (index of an axes, its box in inches), the same in all.

    A figure comes apart where all its text belongs to axes that stand side by side in one grid. Each panel
    then gets the numbers of its own axes, though they are shared, and the whole its final layout.

    Returns: None where a figure stays whole.
    """
    if not all(_comes_apart(fig) for fig in figs):
        return None
    boxes = [_boxes(fig) for fig in figs]
    boxes = [Bbox.union(of_one) for of_one in zip(*boxes, strict=True)]
    places = [ax.get_subplotspec() for ax in figs[0].axes]
    columns, rows = {}, {}
    for place, box in zip(places, boxes, strict=True):
        columns.setdefault(place.colspan.start, []).append(box)
        rows.setdefault(place.rowspan.start, []).append(box)
    columns = {start: Bbox.union(found) for start, found in columns.items()}
    rows = {start: Bbox.union(found) for start, found in rows.items()}
    apart = {start: [] for start in sorted(rows)}
    for k, place in enumerate(places):
        column, row = columns[place.colspan.start], rows[place.rowspan.start]
        box = Bbox([[column.x0, row.y0], [column.x1, row.y1]]).padded(PAD)
        apart[place.rowspan.start].append((k, box))
    return list(apart.values())


def _comes_apart(fig):
    places = [ax.get_subplotspec() for ax in fig.axes]
    return (
        len(places) > 1
        and None not in places
        and len({(place.rowspan.start, place.colspan.start) for place in places}) == len(places)
        and places[0].get_gridspec().ncols > 1
        and all(ax.axison for ax in fig.axes)
        and not (fig.texts or fig.legends)
    )


def _boxes(fig):
    """The box of each axes with all that belongs to it, in inches, once the layout is settled."""
    for ax in fig.axes:
        ax.xaxis.set_tick_params(which="both", labelbottom=True)
        ax.yaxis.set_tick_params(which="both", labelleft=True)
    fig.draw_without_rendering()
    fig.set_layout_engine("none")
    return [ax.get_tightbbox().transformed(fig.dpi_scale_trans.inverted()) for ax in fig.axes]
