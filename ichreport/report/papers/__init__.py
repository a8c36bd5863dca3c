"""The papers to hand in with a report: a model card and two reporting checklists, filled."""
