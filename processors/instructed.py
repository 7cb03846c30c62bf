"""Parameters of an engine that takes an instruction in words."""

from pydantic import BaseModel, ConfigDict

from gemini.instruction import Term, interpreter_instruction
from processors.glossary import GlossaryParam


class Instructed(BaseModel):
    """What the interpreter's instruction is made of, beside the session's languages.

    Attributes:
        instructions: Text that is added to the interpreter's instruction: domain, register.
        glossary: Terms that the instruction gives, those of the session's pair.
    """

    model_config = ConfigDict(extra="forbid")

    instructions: str = ""
    glossary: GlossaryParam = None

    def instruction(self, pair: tuple[str, str], spoken: str, also_spoken: tuple[str, ...] = ()) -> str:
        """The instruction for a session of this pair; see :func:`gemini.instruction.interpreter_instruction`."""
        source, target = (pair[1], pair[0]) if spoken == pair[1] else pair
        terms: list[Term] = []
        if self.glossary is not None:
            for said in (source, *also_spoken):
                terms += self.glossary.between(said, target)
        return interpreter_instruction(pair, spoken, self.instructions, terms, also_spoken=also_spoken)
