"""When what happens: samples, steps and layers, then passes of groups over rows, then slots.

In come visits, from `rows/`, and whether a group has a deferred update, from `learn/`. Out goes a slot a
cycle, to `lanes/`. The Sequencer goes from layer to layer, Passes over the groups of one, Issue looks up
rows. The room owns the row list of the pass in hand and, where there are maps, where the rows of each pixel
begin.
"""
