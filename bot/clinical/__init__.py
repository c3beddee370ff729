"""The clinical rules engine: pure, standard library only, no clock, no input or output.

`model` holds the shapes of the knowledge, `case` what is known about one person,
`decide` turns a case into a disposition with its reasons, `interview` chooses the next
question, `screening` knows the danger signs, `linter` reads the rules for mistakes.
"""
