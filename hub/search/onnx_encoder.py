"""A BERT sentence encoder on ONNX Runtime: the same vectors as sentence-transformers on torch, sooner and in less memory.

`write_graph` describes the network of a model folder in a small file beside its weights; `OnnxEncoder` runs it. The
weights are not copied: the graph points into `model.safetensors`, which ONNX Runtime maps into memory.
"""

import json
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

GRAPH = "model.onnx"
_WEIGHTS = "model.safetensors"
_OPSET = 20  # the first with Gelu
_BATCH_TOKENS = 512  # measured with 256 to 4096 on one core: the fewest CPU seconds a text, and the least memory


def write_graph(folder: Path) -> None:
    """Write `folder/model.onnx` for the BERT model in `folder`: mean pooling over real tokens, L2 norm 1.

    Inputs `input_ids` and `attention_mask`, int64 (batch, length); output `embedding`, float32 (batch, dim).
    The network is that of Devlin et al., NAACL 2019, with the names that `transformers.BertModel` gives its weights.
    """
    from onnx import TensorProto, checker, helper, save_model  # noqa: PLC0415

    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    hidden, heads = config["hidden_size"], config["num_attention_heads"]
    nodes: list[Any] = []
    constants: list[Any] = []

    def op(kind: str, *inputs: str, **attributes: Any) -> str:
        output = f"{kind}_{len(nodes)}"
        nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def integers(*values: int) -> str:
        name = f"integers_{'_'.join(map(str, values))}"
        if all(known.name != name for known in constants):
            constants.append(helper.make_tensor(name, TensorProto.INT64, [len(values)], values))
        return name

    def number(name: str, value: float) -> str:
        constants.append(helper.make_tensor(name, TensorProto.FLOAT, [], [value]))
        return name

    def norm(values: str, name: str) -> str:
        epsilon = config["layer_norm_eps"]
        return op("LayerNormalization", values, f"{name}.weight", f"{name}.bias", axis=-1, epsilon=epsilon)

    def dense(values: str, name: str) -> str:
        return op("Gemm", values, f"{name}.weight", f"{name}.bias", transB=1)

    # Tokens stand in rows, (batch * length, hidden), except where attention needs them by text and head.
    shape = op("Shape", "input_ids")
    by_head = op("Concat", shape, integers(heads, hidden // heads), axis=0)
    by_text = op("Concat", shape, integers(hidden), axis=0)
    in_rows = integers(-1, hidden)
    real = op("Cast", "attention_mask", to=TensorProto.FLOAT)
    padding = op("Mul", op("Sub", real, number("one", 1.0)), number("far", 1e9))  # 0 or -1e9
    padding = op("Unsqueeze", padding, integers(1, 2))
    scale = number("scale", (hidden // heads) ** -0.5)

    words = op("Gather", "embeddings.word_embeddings.weight", "input_ids")
    length = op("Shape", "input_ids", start=1, end=2)
    places = op("Slice", "embeddings.position_embeddings.weight", integers(0), length)
    first_type = op("Slice", "embeddings.token_type_embeddings.weight", integers(0), integers(1))
    state = norm(op("Add", words, op("Add", places, first_type)), "embeddings.LayerNorm")
    state = op("Reshape", state, in_rows)
    for index in range(config["num_hidden_layers"]):
        layer = f"encoder.layer.{index}"
        query, key, value = (
            op("Transpose", op("Reshape", dense(state, f"{layer}.attention.self.{name}"), by_head), perm=axes)
            for name, axes in (("query", (0, 2, 1, 3)), ("key", (0, 2, 3, 1)), ("value", (0, 2, 1, 3)))
        )
        weights = op("Softmax", op("Add", op("Mul", op("MatMul", query, key), scale), padding), axis=-1)
        mixed = op("Reshape", op("Transpose", op("MatMul", weights, value), perm=(0, 2, 1, 3)), in_rows)
        state = op("Add", dense(mixed, f"{layer}.attention.output.dense"), state)
        state = norm(state, f"{layer}.attention.output.LayerNorm")
        inner = op("Gelu", dense(state, f"{layer}.intermediate.dense"))
        state = norm(op("Add", dense(inner, f"{layer}.output.dense"), state), f"{layer}.output.LayerNorm")
    # The sum over real tokens points where their mean does.
    kept = op("Mul", op("Reshape", state, by_text), op("Unsqueeze", real, integers(2)))
    total = op("ReduceSum", kept, integers(1), keepdims=0)
    nodes.append(helper.make_node("LpNormalization", [total], ["embedding"], axis=-1, p=2))

    used = {name for node in nodes for name in node.input}
    graph = helper.make_graph(
        nodes,
        "encoder",
        [
            helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "length"])
            for name in ("input_ids", "attention_mask")
        ],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", hidden])],
        [*constants, *(weight for weight in _weights(folder / _WEIGHTS) if weight.name in used)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=10)
    save_model(model, folder / GRAPH)
    checker.check_model(folder / GRAPH, full_check=True)


def _weights(file: Path) -> list[Any]:
    """The float32 tensors of a safetensors file, as ONNX tensors that say where in the file they lie.

    Layout: eight bytes of length, a JSON header of that length, the bytes. Source: safetensors' README, "Format".
    """
    from onnx import StringStringEntryProto, TensorProto  # noqa: PLC0415

    with file.open("rb") as opened:
        length = int.from_bytes(opened.read(8), "little")
        header = json.loads(opened.read(length))
    tensors: list[Any] = []
    for name, entry in header.items():
        if name != "__metadata__":
            start, end = entry["data_offsets"]
            where = {"location": file.name, "offset": str(8 + length + start), "length": str(end - start)}
            tensors.append(
                TensorProto(
                    name=name,
                    data_type=TensorProto.FLOAT,
                    dims=entry["shape"],
                    data_location=TensorProto.EXTERNAL,
                    external_data=[StringStringEntryProto(key=key, value=value) for key, value in where.items()],
                )
            )
    return tensors


class OnnxEncoder:
    """Runs the graph of a model folder with the folder's own tokenizer and prompts. Safe to call from several threads."""

    def __init__(self, folder: Path) -> None:
        """Load; about a second."""
        import onnxruntime  # noqa: PLC0415
        from tokenizers import Tokenizer  # noqa: PLC0415

        def read(name: str) -> Any:
            return json.loads((folder / name).read_text(encoding="utf-8"))

        self._prompts: dict[str, str] = read("config_sentence_transformers.json")["prompts"]
        config = read("config.json")
        self._padding: int = config["pad_token_id"]
        self._dim: int = config["hidden_size"]
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.enable_truncation(read("sentence_bert_config.json")["max_seq_length"])
        options = onnxruntime.SessionOptions()
        # One thread a call, and several calls at once for many texts: nothing waits on a barrier, nothing spins.
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(folder / GRAPH, options, providers=["CPUExecutionProvider"])

    def encode_query(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Shape (n, dim), L2 norm 1."""
        return self._encode([self._prompts["query"] + text for text in texts])

    def encode_document(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Shape (n, dim), L2 norm 1."""
        return self._encode([self._prompts["document"] + text for text in texts])

    def _encode(self, texts: list[str]) -> NDArray[np.float32]:
        # One by one: `encode_batch` starts threads of its own, which a later fork would not survive.
        tokens = [self._tokenizer.encode(text).ids for text in texts]
        batches = _batches([len(ids) for ids in tokens])
        vectors = np.empty((len(texts), self._dim), np.float32)

        def fill(batch: list[int]) -> None:
            vectors[batch] = self._run([tokens[row] for row in batch])

        if len(batches) == 1:
            fill(batches[0])
        else:
            with ThreadPoolExecutor(os.cpu_count()) as pool:
                list(pool.map(fill, batches))
        return vectors

    def _run(self, batch: list[list[int]]) -> NDArray[np.float32]:
        ids = np.full((len(batch), max(map(len, batch))), self._padding, np.int64)
        mask = np.zeros_like(ids)
        for row, tokens in enumerate(batch):
            ids[row, : len(tokens)] = tokens
            mask[row, : len(tokens)] = 1
        (vectors,) = self._session.run(["embedding"], {"input_ids": ids, "attention_mask": mask})
        return np.asarray(vectors, np.float32)


def _batches(lengths: Sequence[int]) -> list[list[int]]:
    """Row numbers in batches of like length, longest first, each at most `_BATCH_TOKENS` with padding (or one text)."""
    batches: list[list[int]] = []
    width = 0
    for row in sorted(range(len(lengths)), key=lambda row: -lengths[row]):
        if not batches or (len(batches[-1]) + 1) * width > _BATCH_TOKENS:
            batches.append([])
            width = lengths[row]
        batches[-1].append(row)
    return batches
