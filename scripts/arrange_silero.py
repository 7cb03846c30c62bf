"""Arranges Silero's model for calls of many windows: writes processors/silero_for_batches.onnx.

Usage: python -m scripts.arrange_silero

Needs the package onnx, which the development lock has. Reads pipecat's copy of the model, and prints the SHA-256
that ``ARRANGED_FROM_SHA256`` in processors/silero_file.py has to be.

The weights and what is computed are the model's own, for 16 kHz only; docs/decisions/0026 says what differs, and
why.
"""

import hashlib
import sys

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper, parser

from processors.silero_file import ARRANGED_FILE, PIPECATS_FILE

Weights = NDArray[np.float32]

# B windows of 576 samples: 64 of the window before, and 512. Four frames of 256 samples, 128 apart, over those and
# 64 of their reflection; 129 magnitudes of each; convolutions over three frames, which leave 4, 2, 1 and 1; an
# LSTM; one neuron.
GRAPH = """
<ir_version: 9, opset_import: ["" : 18], producer_name: "live-interpreter">
silero (float[B, 576] input, float[2, B, 128] state) => (float[B, 1] output, float[2, B, 128] stateN) {
    axis_0 = Constant <value_ints = [0]> ()
    axis_1 = Constant <value_ints = [1]> ()
    at_0 = Constant <value_ints = [0]> ()
    at_128 = Constant <value_ints = [128]> ()
    at_129 = Constant <value_ints = [129]> ()
    at_256 = Constant <value_ints = [256]> ()
    at_258 = Constant <value_ints = [258]> ()
    at_384 = Constant <value_ints = [384]> ()
    at_512 = Constant <value_ints = [512]> ()
    at_516 = Constant <value_ints = [516]> ()
    at_640 = Constant <value_ints = [640]> ()
    at_645 = Constant <value_ints = [645]> ()
    at_774 = Constant <value_ints = [774]> ()

    before_the_last = Constant <value_ints = [-2]> ()
    before_64_of_them = Constant <value_ints = [-66]> ()
    backwards = Constant <value_ints = [-1]> ()
    reflection = Slice (input, before_the_last, before_64_of_them, axis_1, backwards)
    samples = Concat <axis = 1> (input, reflection)
    four_blocks = Constant <value_ints = [-1, 4, 128]> ()
    first_halves_flat = Slice (samples, at_0, at_512, axis_1)
    first_halves = Reshape (first_halves_flat, four_blocks)
    second_halves_flat = Slice (samples, at_128, at_640, axis_1)
    second_halves = Reshape (second_halves_flat, four_blocks)
    frames_by_window = Concat <axis = 2> (first_halves, second_halves)
    rows_of_256 = Constant <value_ints = [-1, 256]> ()
    frames = Reshape (frames_by_window, rows_of_256)

    spectrum = MatMul (frames, stft)
    half_129 = Constant <value_ints = [129, 129]> ()
    real, imaginary = Split <axis = 1> (spectrum, half_129)
    real_squared = Mul (real, real)
    imaginary_squared = Mul (imaginary, imaginary)
    power = Add (real_squared, imaginary_squared)
    magnitude = Sqrt (power)

    rows_of_516 = Constant <value_ints = [-1, 516]> ()
    magnitude_by_window = Reshape (magnitude, rows_of_516)
    a_frame_of_129_around = Constant <value_ints = [0, 129, 0, 129]> ()
    magnitude_padded = Pad (magnitude_by_window, a_frame_of_129_around)
    rows_of_129 = Constant <value_ints = [-1, 129]> ()
    before_flat = Slice (magnitude_padded, at_0, at_516, axis_1)
    before = Reshape (before_flat, rows_of_129)
    itself_flat = Slice (magnitude_padded, at_129, at_645, axis_1)
    itself = Reshape (itself_flat, rows_of_129)
    behind_flat = Slice (magnitude_padded, at_258, at_774, axis_1)
    behind = Reshape (behind_flat, rows_of_129)
    columns_0 = Concat <axis = 1> (before, itself, behind)
    linear_0 = Gemm (columns_0, weight_0, bias_0)
    encoded_0 = Relu (linear_0)

    rows_of_512 = Constant <value_ints = [-1, 512]> ()
    encoded_0_by_window = Reshape (encoded_0, rows_of_512)
    a_frame_of_128_before = Constant <value_ints = [0, 128, 0, 0]> ()
    encoded_0_padded = Pad (encoded_0_by_window, a_frame_of_128_before)
    first_three_flat = Slice (encoded_0_padded, at_0, at_384, axis_1)
    first_three = Unsqueeze (first_three_flat, axis_1)
    last_three_flat = Slice (encoded_0_padded, at_256, at_640, axis_1)
    last_three = Unsqueeze (last_three_flat, axis_1)
    columns_1_by_window = Concat <axis = 1> (first_three, last_three)
    rows_of_384 = Constant <value_ints = [-1, 384]> ()
    columns_1 = Reshape (columns_1_by_window, rows_of_384)
    linear_1 = Gemm (columns_1, weight_1, bias_1)
    encoded_1 = Relu (linear_1)

    rows_of_128 = Constant <value_ints = [-1, 128]> ()
    columns_2 = Reshape (encoded_1, rows_of_128)
    linear_2 = Gemm (columns_2, weight_2, bias_2)
    encoded_2 = Relu (linear_2)
    linear_3 = Gemm (encoded_2, weight_3, bias_3)
    encoded_3 = Relu (linear_3)

    one_each = Constant <value_ints = [1, 1]> ()
    hidden, cell = Split <axis = 0> (state, one_each)
    steps = Unsqueeze (encoded_3, axis_0)
    , hidden_next, cell_next = LSTM <hidden_size = 128> (steps, lstm_input, lstm_hidden, lstm_bias, , hidden, cell)
    stateN = Concat <axis = 0> (hidden_next, cell_next)
    heard = Squeeze (hidden_next, axis_0)
    heard_positive = Relu (heard)
    score = Gemm (heard_positive, weight_out, bias_out)
    output = Sigmoid (score)
}
"""


def weights_of(model: onnx.ModelProto) -> dict[str, Weights]:
    """The weights of the model's part for 16 kHz, by the names that its authors gave them.

    Raises:
        SystemExit: The file is built in another way than the one that this script was written for.
    """
    branches = [
        attribute.g
        for node in model.graph.node
        if node.op_type == "If"
        for attribute in node.attribute
        if attribute.name == "then_branch"
    ]
    if len(branches) != 1:
        raise SystemExit(f"expected one branch for 16 kHz, got {len(branches)}: look at the file, and at GRAPH")
    return {
        node.output[0].rpartition("__")[2]: numpy_helper.to_array(node.attribute[0].t)
        for node in branches[0].node
        if node.op_type == "Constant"
    }


def arranged(weights: dict[str, Weights]) -> dict[str, Weights]:
    """The same weights as the graph takes them: matrices of inputs by outputs."""
    result = {"stft": weights["stft.forward_basis_buffer"][:, 0].T}
    for layer in range(4):
        kernel = weights[f"encoder.{layer}.reparam_conv.weight"]  # outputs, inputs, three frames
        result[f"weight_{layer}"] = kernel.transpose(2, 1, 0).reshape(-1, len(kernel))
        result[f"bias_{layer}"] = weights[f"encoder.{layer}.reparam_conv.bias"]
    # Two frames are left for the third convolution, and one for the fourth: its other frames are padding.
    result["weight_2"] = result["weight_2"][64:]
    result["weight_3"] = result["weight_3"][64:128]
    result["lstm_input"] = _gates(weights["decoder.rnn.weight_ih"])[None]
    result["lstm_hidden"] = _gates(weights["decoder.rnn.weight_hh"])[None]
    biases = [_gates(weights["decoder.rnn.bias_ih"]), _gates(weights["decoder.rnn.bias_hh"])]
    result["lstm_bias"] = np.concatenate(biases)[None]
    result["weight_out"] = weights["decoder.decoder.2.weight"].reshape(128, 1)
    result["bias_out"] = weights["decoder.decoder.2.bias"]
    return result


def _gates(rows: Weights) -> Weights:
    """Rows of PyTorch's gates (input, forget, cell, output) in ONNX's order: input, output, forget, cell."""
    to_input, to_forget, to_cell, to_output = np.split(rows, 4)
    return np.concatenate([to_input, to_output, to_forget, to_cell])


def arrange(content: bytes) -> bytes:
    """The model in ``content``, a file of Silero's, arranged anew."""
    model = parser.parse_model(GRAPH)
    for name, values in arranged(weights_of(onnx.load_from_string(content))).items():
        model.graph.initializer.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString(deterministic=True))


def main() -> None:
    """Write the file."""
    content = PIPECATS_FILE.read_bytes()
    ARRANGED_FILE.write_bytes(arrange(content))
    sys.stdout.write(f"made {ARRANGED_FILE.name} from {hashlib.sha256(content).hexdigest()}\n")


if __name__ == "__main__":
    main()
