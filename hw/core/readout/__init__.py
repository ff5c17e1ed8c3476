"""What a sample answers: scores of the classes, spikes of the layers, cycles, prediction.

In come fired chunks, from `fire/`. Out goes the result, to the link. The room owns scores and spike counts.
"""
