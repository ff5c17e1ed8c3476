"""The streaming neuron core, in rooms: a folder each, in the order in which data flows.

| room | in | out | owns |
|---|---|---|---|
| `rows/` | sample bytes, spikes | rows that the layer in hand visits | active lists, event queue |
| `schedule/` | rows | slots: what the lanes do in each cycle | row list, segments |
| `lanes/` | slots, gains | sums of a group's rows | weights, gains, random numbers |
| `fire/` | sums | spikes, surrogates | membranes, spikes of the step, pooling in hand |
| `learn/` | fired chunks | gains for the next pass | surrogates, post traces, signs, winners |
| `readout/` | fired chunks | the result of a sample | scores, spike counts |
| `host/` | accesses of the host | answers | registers, counters, layer table |

`base/` holds what every room uses, `interfaces/` every road between rooms, `kinds.py` what depends on the
kind of a layer, `ports.py` what passes between core and link. `core.py` connects it all.
"""
