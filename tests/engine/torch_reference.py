"""What PyTorch computes: run as a program, so that it shares no process with TensorFlow.

    python torch_reference.py FOLDER '{"library": "timm", "model": "vgg16_bn", "sizes": [224], ...}'

writes `model.safetensors`, and for each size an `.npz` with the pictures, every tap and the logits,
and tells the number of parameters.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import torch


def main(folder: Path, task: dict) -> None:
    torch.manual_seed(task.get("seed", 0))
    model = create(task["library"], task["model"], task.get("options", {})).eval()
    if task.get("randomise", True):
        randomise(model)
    write(folder / "model.safetensors", model.state_dict())
    taps: dict[str, np.ndarray] = {}
    for tap, module in task["taps"].items():
        model.get_submodule(module).register_forward_hook(
            lambda _module, _inputs, output, tap=tap: taps.__setitem__(
                tap, output.permute(0, 2, 3, 1).numpy().copy()
            )
        )
    for size in task["sizes"]:
        height, width = size if isinstance(size, list) else (size, size)
        pictures = np.random.default_rng(0).integers(0, 256, (2, height, width, 3), dtype="uint8")
        image = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 127.5 - 1
        with torch.no_grad():
            logits = model(image).numpy()
        np.savez(folder / f"{height}x{width}.npz", pictures=pictures, logits=logits, **taps)
    count = sum(parameter.numel() for parameter in model.parameters())
    sys.stdout.write(str(count))


def create(library: str, name: str, options: dict) -> torch.nn.Module:
    if library == "timm":
        import_torchvision()
        import timm

        return timm.create_model(name, pretrained=False, **options)
    return getattr(import_torchvision().models, name)(weights=None, **options)


def import_torchvision():
    """Without its compiled operators it does not import, unless two of them are declared."""
    library = torch.library.Library("torchvision", "DEF")
    import_torchvision.library = library  # it is withdrawn when it is collected
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    import torchvision

    return torchvision


def randomise(model: torch.nn.Module) -> None:
    """Everything that a fresh model hides behind ones and zeros, at the strength of a signal."""
    for module in model.modules():
        if isinstance(module, (torch.nn.Conv2d, torch.nn.Linear)):
            torch.nn.init.kaiming_normal_(module.weight)
            if module.bias is not None:
                torch.nn.init.normal_(module.bias, 0, 0.1)
        elif isinstance(module, torch.nn.BatchNorm2d):
            with torch.no_grad():
                low, high = np.log(1e-3), np.log(2)
                module.running_var.uniform_(low, high).exp_()
                module.running_mean.normal_(0, 0.1)
                gain = (1 / (module.running_var + module.eps)).mean().sqrt()
                module.weight.uniform_(0.5, 1.5).div_(gain)
                module.bias.normal_(0, 0.1)


def write(path: Path, tensors: dict[str, torch.Tensor]) -> None:
    header, position = {}, 0
    for name, tensor in tensors.items():
        count = tensor.numel() * tensor.element_size()
        dtype = {torch.float32: "F32", torch.int64: "I64"}[tensor.dtype]
        span = [position, position + count]
        header[name] = {"dtype": dtype, "shape": list(tensor.shape), "data_offsets": span}
        position += count
    text = json.dumps(header).encode()
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for tensor in tensors.values():
            file.write(tensor.contiguous().numpy().tobytes())


if __name__ == "__main__":
    main(Path(sys.argv[1]), json.loads(sys.argv[2]))
