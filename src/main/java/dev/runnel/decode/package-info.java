/// Generation: a prompt or a feature vector enters, every token chosen is the next input, until an
/// end token or a limit.
///
/// | | |
/// |---|---|
/// | [Decoder] | a worker's bench, as a session is: steps the model, chooses tokens |
/// | [Decoding] | one stream that is being generated: its state, its tokens, its dice |
/// | [Strategy] | how a token is chosen: greedy, by chance, or by beam search |
/// | [Constraint] | which tokens are allowed next; [Trie] allows words |
/// | [Ctc] | tokens from scores that come frame by frame |
///
/// With a model that takes and yields characters, numbered as they are in the string `vocabulary`:
///
/// ```java
/// Strategy strategy = Strategy.sample(7).temperature(0.8);
/// try (Decoder decoder = Decoder.of(model).strategy(strategy).limit(200).open();
///         Decoding text = decoder.begin()) {
///     decoder.feed(text, "ROMEO:".chars().map(vocabulary::indexOf).toArray());
///     decoder.tokens(text).forEachRemaining((int t) -> System.out.print(vocabulary.charAt(t)));
/// }
/// ```
///
/// Same model, same seed, same tokens: on every machine, with every kernel set, alone or in a
/// batch.
package dev.runnel.decode;
