package dev.runnel.formats;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.Arrays;
import java.util.zip.ZipOutputStream;

/// Files of PyTorch's with pickles that are wrong, or would run code.
@Timeout(60)
class HostilePickleTest extends HostileWeights {
    /// The pickle of a float32 tensor whose storage is entry 0, to be completed by offset, size,
    /// stride and two more arguments.
    private static final String TENSOR =
            "ctorch._utils\n_rebuild_tensor_v2\n((X\7\0\0\0storagectorch\nFloatStorage\n"
                    + "X\1\0\0\0000X\3\0\0\0cpuK\6tQ";

    private static final String END = "\u0089}tR.";

    // ---- pickles: no code in a file ever runs

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "cos~system~(X\4\0\0\0exittR. | os.system",
                "c__builtin__~eval~(X\1\0\0\0001tR. | __builtin__.eval",
                "\u008c\2os\u008c\6system\u0093(X\4\0\0\0exittR. | os.system",
                "(X\4\0\0\0exitios~system~. | os.system",
                "cdatetime~datetime~. | datetime.datetime",
                "cargparse~Namespace~. | argparse.Namespace",
                "c__builtin__~getattr~. | __builtin__.getattr",
                "cnumpy.core.multiarray~_reconstruct~. | numpy.core.multiarray._reconstruct",
                "ctorch.hub~load~. | torch.hub.load",
            })
    void pickle_thatNamesAnythingElse_isRefusedByThatName(String pickle, String name) {
        unsupported(
                "the pickle names '"
                        + name
                        + "'; only tensors and plain containers are read, no code in a file ever"
                        + " runs; save what holds the weights alone, such as checkpoint['model']",
                archive(pickle.replace('~', '\n')));
    }

    @Test
    void pickle_ofAModule_saysWhatToSave() {
        String advice =
                " a module, not only its weights, and no code in a file ever runs; save"
                        + " model.state_dict() instead";
        unsupported(
                "the pickle names 'torch.nn.modules.rnn.LSTM': it holds" + advice,
                archive("ctorch.nn.modules.rnn\nLSTM\n."));
        unsupported(
                "the pickle names '__main__.Net': it holds" + advice, archive("c__main__\nNet\n."));
        unsupported("the pickle holds" + advice, archive("(X\6\0\0\0moduletQ."));
        unsupported(
                "the file is a TorchScript program, not only its weights; save model.state_dict()"
                        + " instead",
                Zips.zip(
                        ZipOutputStream.STORED,
                        "a/data.pkl",
                        new byte[1],
                        "a/constants.pkl",
                        new byte[1]));
    }

    @Test
    void pickle_ofOtherTensors_isUnsupported() {
        unsupported(
                "the pickle has elements of type 'torch.ComplexFloatStorage', which Runnel does"
                        + " not have",
                archive("ctorch\nComplexFloatStorage\n."));
        unsupported(
                "the pickle has a tensor made by 'torch._utils._rebuild_sparse_tensor'; dense"
                        + " tensors are read, neither sparse nor quantized ones",
                archive("ctorch._utils\n_rebuild_sparse_tensor\n."));
        unsupported(
                "the tensors' bytes are not in little-endian order",
                Zips.zip(
                        ZipOutputStream.STORED,
                        "a/data.pkl",
                        latin1("}."),
                        "a/byteorder",
                        latin1("big")));
        unsupported(
                "tensor 'tensor' repeats elements of its storage; save a contiguous() copy of it",
                archive(TENSOR + "K\0K\7K\2\u0086K\0K\1\u0086" + END));
    }

    @Test
    void pickle_withOtherOpcodes_isUnsupported() {
        unsupported(
                "the pickle has opcode 0x49 at byte 0, which protocols 2 to 5 need for no tensor or"
                        + " plain container",
                archive("I01\n."));
        unsupported(
                "the pickle has opcode 0x82 at byte 0, which protocols 2 to 5 need for no tensor or"
                        + " plain container",
                archive("\u0082\1."));
        unsupported("the pickle is of protocol 6, expected 2 to 5", archive("\u0080\6."));
        unsupported(
                "the pickle sets the state of an object at byte 2; only tensors and plain"
                        + " containers are read",
                archive("]}b."));
        unsupported(
                "the pickle has a dict with keys that are neither text nor numbers, at byte 3",
                archive("})Ns."));
    }

    // ---- pickles that are broken

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "K | a number of 1 bytes, with 0 left at byte 0",
                "X\u00ff\u00ff\u00ff\u007fab. | a value of 2147483647 bytes, with 3 left at byte 0",
                "X\1\0\0\0\u00ff. | text that is not UTF-8 at byte 0",
                "\u008b\u00ff\u00ff\u00ff\u007f. | an integer of 2147483647 bytes at byte 0",
                "\u008d\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff. | a value of"
                        + " 18446744073709551615 bytes, with 1 left at byte 0",
                "N | an opcode of 1 bytes, with 0 left at byte 1",
                ". | an empty stack at byte 0",
                "(t0. | an empty stack at byte 3",
                "t | no mark on the stack at byte 0",
                "(0 | an empty stack at byte 1",
                "h\1. | no value number 1 at byte 0",
                "Na. | an empty stack at byte 1",
                "NNa. | an item for what is no list at byte 2",
                "N(NNu. | a key for what is no dict at byte 4",
                "}(Nu. | a key without a value at byte 3",
                "}K\1NsX\1\0\0\0001Ns. | a dict with two keys that read '1' at byte 12",
                "N)R. | a call of what cannot be called at byte 2",
                "cos | a global without a name at byte 0",
                "\u00f0 | opcode 0xf0 at byte 0",
            })
    void pickle_thatIsBroken_isMalformed(String pickle, String what) {
        malformed("the pickle has " + what + "; the file is truncated or corrupt", archive(pickle));
    }

    @Test
    void pickle_withCallsOfTheWrongArguments_isMalformed() {
        String message = "; the file is truncated or corrupt";
        malformed(
                "the pickle has a call with argument 0 of the wrong type" + message,
                archive("ctorch._utils\n_rebuild_tensor_v2\n)R."));
        malformed(
                "the pickle has a call with 1 sizes and 2 strides" + message,
                archive(TENSOR + "K\0K\1\u0085K\1K\1\u0086" + END));
        malformed(
                "the pickle has a call with a dict of other things than pairs" + message,
                archive("ccollections\nOrderedDict\n]Na\u0085R."));
        malformed("the pickle refers to a storage in a way not known" + message, archive("NQ."));
    }

    @Test
    void tensor_thatReachesBeyondItsStorage_isMalformed() {
        malformed(
                "tensor 'tensor' of size [3, 2], stride [3, 1] and offset 0 reaches beyond the 6"
                        + " elements of its storage",
                archive(TENSOR + "K\0K\3K\2\u0086K\3K\1\u0086" + END));
        malformed(
                "tensor 'tensor' of size [6], stride [1] and offset 1 reaches beyond the 6 elements"
                        + " of its storage",
                archive(TENSOR + "K\1K\6\u0085K\1\u0085" + END));
        malformed(
                "tensor 'tensor' of size [2, 9223372036854775807], stride [1, 1] and offset 0"
                        + " reaches beyond the 6 elements of its storage",
                archive(
                        TENSOR
                                + "K\0K\2\u008a\10\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u007f"
                                + "\u0086K\1K\1\u0086"
                                + END));
        malformed(
                "tensor 'tensor' has a negative size, stride or offset",
                archive(TENSOR + "K\0J\u00ff\u00ff\u00ff\u00ff\u0085K\1\u0085" + END));
    }

    @Test
    void storage_ofAnotherSize_isMalformed() {
        malformed(
                "storage '0' has 24 bytes for 7 elements, expected 7 of float32",
                archive(TENSOR.replace("K\6", "K\7") + "K\0K\6\u0085K\1\u0085" + END));
        malformed(
                "the archive has no entry 'a/data/1'",
                archive(TENSOR.replace("\1\0\0\0000", "\1\0\0\0001") + "K\0)" + END));
        malformed(
                "storage '0' has 255 as element 0, expected 0 or 1 for bool",
                archive(
                        "((X\7\0\0\0storagectorch\nBoolStorage\nX\1\0\0\0000NK\30tQ.", // 24 bytes
                        Byte.MIN_VALUE | 0x7f));
    }

    // ---- pickles that are small and make much

    @Test
    void containers_withoutEnd_areMalformed() {
        String endless = "the pickle has containers within containers without end, at '";
        refusedStartingWith(endless, archive("]q\0h\0a.")); // a list in itself
        refusedStartingWith(endless, archive("}q\0X\1\0\0\0xh\0s.")); // a dict in itself
        StringBuilder laughs = new StringBuilder("]q\0"); // each list holds that before it 8 times
        for (int i = 0; i < 40; i++) {
            laughs.append("](").append("h\0".repeat(8)).append("eq\0");
        }
        refusedStartingWith(endless, archive(laughs.append(".").toString()));
    }

    @Test
    void containers_nestedDeep_areMalformed() {
        refusedStartingWith(
                "the pickle has containers within containers without end, at '0.0.0",
                archive(")" + "\u0085".repeat(2_000_000) + "."));
    }

    /// A byte of the file each, some 60 of the heap.
    @Test
    void containers_withoutNumber_areMalformed() {
        int many = 4_000_000;
        refusedStartingWith(
                "the pickle has more than 2097152 containers at byte ",
                archive("}".repeat(many) + "."));
        refusedStartingWith(
                "the pickle has more than 4096 open marks at byte ",
                archive("(".repeat(many) + "."));
        refusedStartingWith(
                "the pickle has a value of number 305419896 at byte 1",
                archive("Nr\u0078V4\u0012."));
    }

    @Test
    void names_thatGrowWithoutEnd_areMalformed() {
        String key = "k".repeat(100_000);
        StringBuilder pickle = new StringBuilder("}X\u00a0\u0086\1\0" + key + "q\0]q\1");
        for (int i = 0; i < 10_000; i++) {
            pickle.append("}a");
        }
        refusedStartingWith(
                "the pickle has containers within containers without end, at 'kkk",
                archive(pickle.append("s.").toString()));
    }

    @Test
    void views_thatCopyOneStorageOverAndOver_areUnsupported() throws IOException {
        ByteArrayOutputStream p = new ByteArrayOutputStream();
        p.write(latin1("](ctorch._utils\n_rebuild_tensor_v2\nq\1"));
        String storage = "(X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0000NJ\0\0\20\0tQq\0";
        p.write(latin1("0" + storage + "0"));
        for (int i = 0; i < 1000; i++) {
            p.write(latin1("h\1(h\0K\0M\0\4M\0\4\u0086K\1M\0\4\u0086\u0089}tR"));
        }
        p.write(latin1("e."));
        byte[] file =
                Zips.zip(
                        ZipOutputStream.STORED,
                        "a/data.pkl",
                        p.toByteArray(),
                        "a/data/0",
                        new byte[4 << 20]);
        unsupported(
                "tensor '4' repeats elements of its storage; save a contiguous() copy of it", file);
    }

    /// An archive of PyTorch's with this pickle and one storage of 24 bytes.
    private static byte[] archive(String pickle) {
        return archive(pickle, 0);
    }

    private static byte[] archive(String pickle, int fill) {
        byte[] storage = new byte[24];
        Arrays.fill(storage, (byte) fill);
        return Zips.zip(ZipOutputStream.STORED, "a/data.pkl", latin1(pickle), "a/data/0", storage);
    }
}
