"""The head without blood: who the person is, skull, face, brain and its fluid."""
