"""Times of the same kernels in PyTorch on the first CUDA device: lines of name, fp32 ms, bf16 ms, fp16 ms. Only read by tests/gpu/run."""
import sys

try:
    import torch
    import torch.nn.functional as F
except ImportError:
    sys.exit("no torch")
if not torch.cuda.is_available():
    sys.exit("torch without CUDA")

scale = int(sys.argv[1])
tokens, d, side, channels = 24576 // scale**2, 1024 // scale, 32, max(32, 320 // scale // 32 * 32)
big, heads = 4096 // scale, max(1, d // 64)


def tensors(dtype, *shapes):
    return [torch.randn(*s, device="cuda", dtype=dtype) * 0.1 for s in shapes]


def milliseconds(body, inputs):
    for _ in range(5):
        body(*inputs)
    start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    start.record()
    for _ in range(20):
        body(*inputs)
    end.record()
    torch.cuda.synchronize()
    return start.elapsed_time(end) / 20


def geglu(x):
    a, b = x.chunk(2, dim=-1)
    return a * F.gelu(b)


def attention_and_backward(q, k, v):
    leaves = [t.detach().requires_grad_() for t in (q, k, v)]
    out = F.scaled_dot_product_attention(*leaves, scale=0.125)
    torch.autograd.grad(out, leaves, q)


cases = {
    "matmul 4096": (torch.matmul, [(big, big), (big, big)]),
    "linear qkv": (F.linear, [(tokens, d), (3 * d, d)]),
    "linear gelu": (lambda x, w: F.gelu(F.linear(x, w)), [(tokens, d), (4 * d, d)]),
    "attention gslrm": (lambda q, k, v: F.scaled_dot_product_attention(q, k, v, scale=0.125), [(1, heads, tokens, 64)] * 3),
    "attention gslrm and backward": (attention_and_backward, [(1, heads, tokens, 64)] * 3),
    "conv2d 3x3 input gradient": (lambda g, w: torch.nn.grad.conv2d_input(g.shape, w, g, padding=1), [(12, channels, side, side), (channels, channels, 3, 3)]),
    "conv2d 3x3 weight gradient": (lambda x, g: torch.nn.grad.conv2d_weight(x, (channels, channels, 3, 3), g, padding=1), [(12, channels, side, side)] * 2),
    "conv2d 3x3": (lambda x, w: F.conv2d(x, w, padding=1), [(12, channels, side, side), (channels, channels, 3, 3)]),
    "layer norm": (lambda x, w: F.layer_norm(x, (d,), w), [(tokens, d), (d,)]),
    "group norm silu": (lambda x, w, b: F.silu(F.group_norm(x, 32, w, b)), [(12, channels, side, side), (channels,), (channels,)]),
    "softmax": (lambda x: F.softmax(x, -1), [(tokens, d)]),
    "geglu": (geglu, [(tokens, 2 * d)]),
    "add gelu chain": (lambda x, y: F.gelu(x + y), [(tokens, d), (tokens, d)]),
    "sum over rows": (lambda x: x.sum(1), [(tokens, d)]),
}
for name, (body, shapes) in cases.items():
    print("\t".join([name] + [f"{milliseconds(body, tensors(t, *shapes)):.5f}" for t in (torch.float32, torch.bfloat16, torch.float16)]))
