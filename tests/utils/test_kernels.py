"""Each kernel gives what its namesake in PyTorch gives, gradients included."""

import pytest
import torch
from torch.nn import functional

from utils.kernels import ROWS, Dropout, SmoothedCrossEntropy, attend

PAD = 1


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("rows", [3, ROWS, ROWS + 5])
def test_loss_and_its_gradient_are_those_of_cross_entropy(rows: int, smoothing: float) -> None:
    torch.manual_seed(0)
    logits = (3 * torch.randn(rows, 11)).requires_grad_()
    target = torch.randint(0, 11, (rows,))
    target[1::3], target[0] = PAD, 4
    loss = SmoothedCrossEntropy(PAD, smoothing)
    ours = 2.5 * loss(logits, target)
    theirs = 2.5 * functional.cross_entropy(
        logits, target, ignore_index=PAD, label_smoothing=smoothing
    )
    (gradient,) = torch.autograd.grad(ours, logits)
    (expected,) = torch.autograd.grad(theirs, logits)
    assert torch.allclose(ours, theirs, atol=1e-6)
    assert torch.allclose(gradient, expected, atol=1e-6)
    nats = functional.cross_entropy(logits, target, ignore_index=PAD)
    assert torch.allclose(loss.nats(logits, target), nats, atol=1e-6)


def test_loss_of_a_batch_without_gradients_is_the_same() -> None:
    logits, target = torch.randn(6, 4), torch.tensor([0, 1, 2, 3, 1, 0])
    with torch.no_grad():
        value = SmoothedCrossEntropy(PAD, 0.2)(logits, target)
    expected = functional.cross_entropy(logits, target, ignore_index=PAD, label_smoothing=0.2)
    assert torch.allclose(value, expected, atol=1e-6)


def test_loss_of_bf16_logits_gives_a_gradient_in_bf16() -> None:
    logits = torch.randn(9, 30).bfloat16().requires_grad_()
    target = torch.randint(2, 30, (9,))
    SmoothedCrossEntropy(PAD, 0.1)(logits, target).backward()
    plain = logits.detach().float().requires_grad_()
    functional.cross_entropy(plain, target, label_smoothing=0.1).backward()
    assert logits.grad is not None and logits.grad.dtype == torch.bfloat16
    assert torch.allclose(logits.grad.float(), plain.grad, atol=1e-3)


def test_dropout_keeps_the_mean_and_drops_its_share() -> None:
    torch.manual_seed(0)
    out = Dropout(0.3)(torch.ones(200_000))
    assert (out == 0).float().mean().item() == pytest.approx(77 / 256, abs=0.005)
    assert out.mean().item() == pytest.approx(1.0, abs=0.01)


def test_dropout_is_seeded_and_passes_gradients_where_it_passes_values() -> None:
    layer, x = Dropout(0.5), torch.ones(7, 5, requires_grad=True)
    torch.manual_seed(3)
    first = layer(x)
    torch.manual_seed(3)
    assert torch.equal(layer(x), first)
    (gradient,) = torch.autograd.grad(first.sum(), x)
    assert torch.equal(gradient, first)


@pytest.mark.parametrize("rate", [0.0, 0.4, 1.0])
def test_dropout_does_nothing_in_evaluation(rate: float) -> None:
    x = torch.randn(5)
    assert torch.equal(Dropout(rate).eval()(x), x)


def test_dropout_of_everything_and_of_nothing() -> None:
    x = torch.randn(5)
    assert torch.equal(Dropout(0.0)(x), x)
    assert torch.equal(Dropout(1.0)(x), torch.zeros(5))


@pytest.mark.parametrize("masked", [False, True])
def test_attention_is_pytorch_s(masked: bool) -> None:
    queries, keys, values = torch.randn(2, 3, 4, 5), *torch.randn(2, 2, 3, 6, 5)
    mask = torch.rand(2, 1, 4, 6) < 0.7 if masked else None
    if mask is not None:
        mask[..., 0] = True
    expected = functional.scaled_dot_product_attention(queries, keys, values, attn_mask=mask)
    assert torch.allclose(attend(queries, keys, values, mask), expected, atol=1e-6)


@pytest.mark.parametrize("masked", [False, True])
def test_attention_in_bf16_on_a_cpu_is_pytorch_s(masked: bool) -> None:
    queries, keys, values = torch.randn(3, 2, 3, 4, 8)
    mask = torch.ones(4, 4, dtype=torch.bool).tril() if masked else None
    expected = functional.scaled_dot_product_attention(queries, keys, values, attn_mask=mask)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = attend(queries.bfloat16(), keys.bfloat16(), values.bfloat16(), mask)
    assert torch.allclose(out.float(), expected, atol=0.05)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
def test_on_a_gpu_they_are_pytorch_s_own() -> None:
    logits = torch.randn(8, 6, device="cuda", requires_grad=True)
    target = torch.randint(2, 6, (8,), device="cuda")
    ours = SmoothedCrossEntropy(PAD, 0.1)(logits, target)
    assert torch.allclose(ours, functional.cross_entropy(logits, target, label_smoothing=0.1))
    assert Dropout(0.5)(logits).device.type == "cuda"
