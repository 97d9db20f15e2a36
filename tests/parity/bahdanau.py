"""The model of Bahdanau, Cho & Bengio 2014 as a plain PyTorch program, by the formulas of its appendix A.

    model = Bahdanau(config).double()
    logits, alignment, hidden = model(source, target)     # [tokens, vocab], [tokens, source]; target begins with the start id

Gates are stacked update over reset over candidate; the reset gate acts on the state before its product, as in the paper.
"""

import torch
from torch import nn


class Cell(nn.Module):
    """A gated recurrent unit (A.1.1): inputs to its gates and its candidate come in projected already."""

    def __init__(self, width, inputs):
        super().__init__()
        self.input = nn.Linear(inputs, 3 * width)
        self.gates = nn.Linear(width, 2 * width, bias=False)
        self.candidate = nn.Linear(width, width, bias=False)

    def step(self, projected, state):
        update, reset, candidate = projected.chunk(3)
        of_update, of_reset = self.gates(state).chunk(2)
        z, r = torch.sigmoid(update + of_update), torch.sigmoid(reset + of_reset)
        return (1 - z) * state + z * torch.tanh(candidate + self.candidate(r * state))

    def run(self, inputs, reverse):
        projected, state = self.input(inputs), inputs.new_zeros(self.candidate.out_features)
        states = [None] * len(inputs)
        for t in reversed(range(len(inputs))) if reverse else range(len(inputs)):
            states[t] = state = self.step(projected[t], state)
        return torch.stack(states)


class Encoder(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.embedding = nn.Embedding(c["vocab_size"], c["embedding_size"])
        self.forwards = Cell(c["hidden_size"], c["embedding_size"])
        self.backwards = Cell(c["hidden_size"], c["embedding_size"])


class Attention(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.query = nn.Linear(c["hidden_size"], c["alignment_size"], bias=False)
        self.key = nn.Linear(2 * c["hidden_size"], c["alignment_size"])
        self.v = nn.Parameter(torch.zeros(c["alignment_size"]))


class Readout(nn.Module):
    def __init__(self, c):
        super().__init__()
        pieces = 2 * c["maxout_size"]
        self.state = nn.Linear(c["hidden_size"], pieces)
        self.token = nn.Linear(c["embedding_size"], pieces, bias=False)
        self.context = nn.Linear(2 * c["hidden_size"], pieces, bias=False)


class Decoder(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.embedding = nn.Embedding(c["vocab_size"], c["embedding_size"])
        self.initial = nn.Linear(c["hidden_size"], c["hidden_size"])
        self.attention = Attention(c)
        self.cell = Cell(c["hidden_size"], c["embedding_size"])
        self.cell.context = nn.Linear(2 * c["hidden_size"], 3 * c["hidden_size"], bias=False)
        self.readout = Readout(c)
        self.output = nn.Linear(c["maxout_size"], c["vocab_size"])


class Bahdanau(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.encoder, self.decoder = Encoder(config), Decoder(config)

    def encode(self, source):
        x = self.encoder.embedding(source)
        backwards = self.encoder.backwards.run(x, reverse=True)
        return torch.cat([self.encoder.forwards.run(x, reverse=False), backwards], dim=-1), backwards

    def forward(self, source, target):
        annotations, backwards = self.encode(source)
        d = self.decoder
        keys, y = d.attention.key(annotations), d.embedding(target)
        projected, state = d.cell.input(y), torch.tanh(d.initial(backwards[0]))
        hidden, alignment = [], []
        for t in range(len(target)):
            scores = torch.tanh(d.attention.query(state) + keys) @ d.attention.v
            alignment.append(scores.softmax(-1))
            context = alignment[-1] @ annotations
            pieces = d.readout.state(state) + d.readout.token(y[t]) + d.readout.context(context)
            hidden.append(pieces.view(-1, 2).amax(-1))
            state = d.cell.step(projected[t] + d.cell.context(context), state)
        hidden = torch.stack(hidden)
        return d.output(hidden), torch.stack(alignment), hidden

    @torch.no_grad()
    def greedy(self, source, start, tokens):
        """The likeliest target, end id or not, and the smallest lead of the first over the second logit."""
        ids, lead = [start], float("inf")
        for _ in range(tokens):
            top = self(source, torch.tensor(ids))[0][-1].topk(2)
            lead = min(lead, float(top.values[0] - top.values[1]))
            ids.append(int(top.indices[0]))
        return torch.tensor(ids[1:]), lead
