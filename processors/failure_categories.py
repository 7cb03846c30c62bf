"""What pipecat calls the failures of the upstream, so that one table says what a client is told."""

from pipecat.utils.errors import ErrorCategory

from gemini.errors import FailureKind

CATEGORY_OF_FAILURE = {
    FailureKind.REJECTED: ErrorCategory.AUTHENTICATION,
    FailureKind.MODEL_REJECTED: ErrorCategory.AUTHENTICATION,
    FailureKind.QUOTA: ErrorCategory.QUOTA,
    FailureKind.INVALID: ErrorCategory.CONNECTIVITY,
    FailureKind.UNAVAILABLE: ErrorCategory.CONNECTIVITY,
}
