# SPDX-License-Identifier: Apache-2.0
"""Meters played by pymodbus that know different ways to say who they are.

identities.py tcp PORT | serial DEVICE     plays them; a line for each question who they are:
                                           unit and function

All have the same registers.  Who they are, if they say so, is the identity of a PM710 as objects of
function 43; function 17 answers another text.
"""
import sys

from pymodbus.datastore import ModbusSequentialDataBlock, ModbusServerContext, ModbusSlaveContext
from pymodbus.device import ModbusDeviceIdentification
from pymodbus.mei_message import ReadDeviceInformationRequest
from pymodbus.other_message import ReportSlaveIdRequest, ReportSlaveIdResponse
from pymodbus.pdu import ModbusExceptions
from pymodbus.server import StartSerialServer, StartTcpServer
from pymodbus.transaction import ModbusRtuFramer, ModbusSocketFramer

KNOWS = {5: (43,), 6: (), 7: (17, 43), 8: (17,)}
EMPTY = 8  # says by 17 only that it runs
IDENTITY = ModbusDeviceIdentification(info_name={
    "VendorName": "Schneider Electric", "ProductCode": "PM710", "MajorMinorRevision": "V03.160"})


def ask(request):
    print("who", request.unit_id, request.function_code, flush=True)
    return request.function_code in KNOWS[request.unit_id]


class By17(ReportSlaveIdRequest):
    def execute(self, context=None):
        if not ask(self):
            return self.doException(ModbusExceptions.IllegalFunction)
        return ReportSlaveIdResponse(b"\x08" if self.unit_id == EMPTY else b"\x01\xffPM710 by 17")


class By43(ReadDeviceInformationRequest):
    def execute(self, context):
        return super().execute(context) if ask(self) else self.doException(
            ModbusExceptions.IllegalFunction)


def main(kind, where):
    block = ModbusSequentialDataBlock(3990, [0] * 130)
    slaves = {unit: ModbusSlaveContext(hr=block, zero_mode=True) for unit in KNOWS}
    common = {"context": ModbusServerContext(single=False, slaves=slaves), "identity": IDENTITY,
              "custom_functions": [By17, By43]}
    if kind == "tcp":
        StartTcpServer(framer=ModbusSocketFramer, address=("127.0.0.1", int(where)), **common)
    else:
        StartSerialServer(framer=ModbusRtuFramer, port=where, baudrate=19200, timeout=0.005,
                          **common)


if __name__ == "__main__":
    main(*sys.argv[1:])
