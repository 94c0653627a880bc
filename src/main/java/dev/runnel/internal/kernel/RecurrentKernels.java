package dev.runnel.internal.kernel;

/// One time step of RNN, GRU and LSTM.
public interface RecurrentKernels {}
