"""Writes tagger.pt, the weights that the README converts, a state_dict of nn.LSTM(4, 8) and nn.Linear(8, 3), and tagger_input_0.npy and tagger_output_0.npy, five steps of it by PyTorch (1.13)."""
import numpy as np
import torch
from torch import nn


class Tagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(4, 8)
        self.head = nn.Linear(8, 3)

    def forward(self, x):
        return self.head(self.lstm(x)[0])


torch.manual_seed(1)
tagger = Tagger()
torch.save(tagger.state_dict(), "tagger.pt")
x = torch.randn(5, 1, 4)
np.save("tagger_input_0.npy", x.numpy())
np.save("tagger_output_0.npy", tagger(x).detach().numpy())
