"""The learning rule, replaceable as a whole: fired chunks in, gains for the next pass out.

Its interface is LearningRule in hw/core/interfaces. `tess.py` is TESS, `none.py` a core that only
infers; `CoreConfig.learning` chooses. Nothing here touches the result of a sample. The room owns what a
rule remembers of neurons: TESS owns surrogates, post traces, random signs, winners of pooling windows, the
latents' signals, and which groups have a deferred update.
"""
