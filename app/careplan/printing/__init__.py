"""Pages of the care plan: two in brief, and an annex for what does not fit. Tagged PDF (PDF/UA-1), A4, by typst.

https://typst.app/docs/ https://pdfa.org/resource/iso-14289-pdfua/

``pages`` hands the words to a process of its own (``worker``), which measures every piece (``plan.typ``), decides what
goes where (``fitting``) and prints. The words are handed over as data, never as markup. What other documents share with
the plan is in ``press`` and ``paper.typ``.
"""
