package dev.runnel.formats.file;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;

import dev.runnel.MalformedModelException;
import dev.runnel.formats.proto.AttributeProto;
import dev.runnel.formats.proto.NodeProto;
import dev.runnel.formats.proto.TensorProto;

import org.junit.jupiter.api.Test;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/// What protobuf-java writes, and what else the encoding allows.
class MessageTest {
    private static Message message(byte[] bytes) {
        MappedFile file = MappedFile.of("m", MemorySegment.ofArray(bytes));
        return Message.of(file, "Message", 0, bytes.length);
    }

    private static Message message(int... bytes) {
        byte[] b = new byte[bytes.length];
        for (int i = 0; i < b.length; i++) {
            b[i] = (byte) bytes[i];
        }
        return message(b);
    }

    @Test
    void fieldsOfEveryType_areWhatWasWritten() {
        TensorProto proto =
                TensorProto.newBuilder()
                        .addDims(3)
                        .addDims(1L << 40)
                        .setDataType(-1)
                        .addFloatData(0.5f)
                        .addFloatData(-2)
                        .addDoubleData(1e-300)
                        .addInt64Data(Long.MIN_VALUE)
                        .setName("größe")
                        .setRawData(ByteString.copyFrom(new byte[] {1, 2, 3}))
                        .build();
        Message m = message(proto.toByteArray());
        assertThat(m.byteSize()).isEqualTo(proto.getSerializedSize());
        assertThat(m.numbers(TensorProto.DIMS_FIELD_NUMBER)).containsExactly(3, 1L << 40);
        assertThat(m.number(TensorProto.DATA_TYPE_FIELD_NUMBER)).isEqualTo(-1);
        assertThat(m.floats(TensorProto.FLOAT_DATA_FIELD_NUMBER)).containsExactly(0.5f, -2);
        assertThat(m.doubles(TensorProto.DOUBLE_DATA_FIELD_NUMBER)).containsExactly(1e-300);
        assertThat(m.numbers(TensorProto.INT64_DATA_FIELD_NUMBER)).containsExactly(Long.MIN_VALUE);
        assertThat(m.text(TensorProto.NAME_FIELD_NUMBER)).isEqualTo("größe");
        assertThat(m.bytes(TensorProto.RAW_DATA_FIELD_NUMBER).toArray(ValueLayout.JAVA_BYTE))
                .containsExactly(1, 2, 3);
        assertThat(m.has(TensorProto.SEGMENT_FIELD_NUMBER)).isFalse();
    }

    @Test
    void messagesWithin_areThoseWritten() {
        NodeProto proto =
                NodeProto.newBuilder()
                        .addInput("x")
                        .addInput("")
                        .addAttribute(AttributeProto.newBuilder().setName("a").setF(0.25f))
                        .addAttribute(AttributeProto.newBuilder().setName("b").setI(0))
                        .build();
        Message m = message(proto.toByteArray());
        assertThat(m.texts(NodeProto.INPUT_FIELD_NUMBER)).containsExactly("x", "");
        var attributes = m.messages(NodeProto.ATTRIBUTE_FIELD_NUMBER, "AttributeProto");
        assertThat(attributes).hasSize(2);
        assertThat(attributes.get(0).real(AttributeProto.F_FIELD_NUMBER)).isEqualTo(0.25f);
        assertThat(attributes.get(0).has(AttributeProto.I_FIELD_NUMBER)).isFalse();
        assertThat(attributes.get(1).has(AttributeProto.I_FIELD_NUMBER)).isTrue();
    }

    @Test
    void absentFields_areZeroOrEmpty() {
        Message m = message();
        assertThat(m.number(1)).isZero();
        assertThat(m.real(1)).isZero();
        assertThat(m.text(1)).isEmpty();
        assertThat(m.bytes(1).byteSize()).isZero();
        assertThat(m.numbers(1)).isEmpty();
        assertThat(m.floats(1)).isEmpty();
        assertThat(m.message(1, "Inner").number(1)).isZero();
        assertThat(m.oneOf(1, 2)).isZero();
    }

    @Test
    void ofSeveral_theLastCounts_andMessagesAreOne() {
        // 1: 5, 2: 6, 1: 7; 3: {1: 8}, 3: {2: 9}
        Message m = message(8, 5, 16, 6, 8, 7, 26, 2, 8, 8, 26, 2, 16, 9);
        assertThat(m.number(1)).isEqualTo(7);
        assertThat(m.oneOf(1, 2)).isEqualTo(1);
        Message both = m.message(3, "Inner");
        assertThat(both.number(1)).isEqualTo(8);
        assertThat(both.number(2)).isEqualTo(9);
    }

    @Test
    void lists_mayBePackedInParts_andNot() {
        // 1: [1, 300], 1: 2, 1: []
        Message m = message(10, 3, 1, 0xac, 2, 8, 2, 10, 0);
        assertThat(m.numbers(1)).containsExactly(1, 300, 2);
        assertThat(m.isFilled(1)).isTrue();
        assertThat(message(10, 0).isFilled(1)).isFalse();
        assertThat(message(13, 0, 0, 0x80, 0x3f, 10, 4, 0, 0, 0, 0x40).floats(1))
                .containsExactly(1, 2);
    }

    @Test
    void listOfPartsOfNumbers_isMalformed() {
        assertThatThrownBy(() -> message(10, 3, 0, 0, 0).floats(1))
                .isInstanceOf(MalformedModelException.class)
                .hasMessage(
                        "m: Message has field 1 of 3 bytes, expected elements of 4, 2 GB of them at"
                                + " most, at byte 2; the file is truncated or corrupt");
        assertThatThrownBy(() -> message(10, 1, 0x80).numbers(1))
                .isInstanceOf(MalformedModelException.class)
                .hasMessage(
                        "m: Message has a number cut off at byte 2; the file is truncated or"
                                + " corrupt");
    }

    @Test
    void text_thatIsTheSignOfNoUtf8_isThatSign() {
        assertThat(message(10, 3, 0xef, 0xbf, 0xbd).text(1)).isEqualTo("\ufffd");
        assertThatThrownBy(() -> message(10, 4, 0xef, 0xbf, 0xbd, 0xff).text(1))
                .isInstanceOf(MalformedModelException.class)
                .hasMessage("m: a name is not valid UTF-8; the file is corrupt");
    }

    @Test
    void fieldOfAnotherWireType_isMalformed() {
        Message m = message(24, 0); // 3: 0
        assertThat(m.has(3)).isTrue();
        for (Runnable asked :
                new Runnable[] {
                    () -> m.message(3, "Inner"), () -> m.text(3), () -> m.real(3), () -> m.floats(3)
                }) {
            assertThatThrownBy(asked::run)
                    .isInstanceOf(MalformedModelException.class)
                    .hasMessageStartingWith("m: Message has field 3 of wire type 0, expected ");
        }
        assertThat(m.numbers(3)).containsExactly(0);
    }

    @Test
    void moreMessagesThanAnyModelHas_areMalformed() {
        byte[] empty = new byte[2 * ((1 << 20) + 1)];
        for (int i = 0; i < empty.length; i += 2) {
            empty[i] = 10; // 1: {}
        }
        Message m = message(empty);
        assertThatThrownBy(() -> m.messages(1, "NodeProto"))
                .isInstanceOf(MalformedModelException.class)
                .hasMessageStartingWith("m: Message has more than 1048576 of NodeProto");
    }

    @Test
    void nameThatIsTooLong_isMalformed() {
        NodeProto proto = NodeProto.newBuilder().setName("n".repeat(1025)).build();
        Message m = message(proto.toByteArray());
        assertThat(m.text(NodeProto.NAME_FIELD_NUMBER)).hasSize(1025);
        assertThatThrownBy(() -> m.name(NodeProto.NAME_FIELD_NUMBER))
                .isInstanceOf(MalformedModelException.class)
                .hasMessage(
                        "m: a name in Message has 1025 bytes, expected at most 1024; the file is"
                                + " corrupt");
    }
}
